//! What a database read, as the records that it stands for: the values of a row in the order of their columns. Whichever
//! way they were read, they come together here, so that what is made for each kind of record is small.

use rusqlite::types::Value;
use serde::{
    de::{
        DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor,
        value::{Error, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use sqlx::{
    Column, ColumnIndex, Decode, Row, Type, TypeInfo, ValueRef,
    postgres::{PgColumn, PgRow},
    sqlite::SqliteRow,
};

use crate::{Result, StoreError};

/// The values of all rows, one row after the other.
pub(crate) struct Values {
    pub columns: usize,
    pub read: Vec<Value>,
}

impl Values {
    /// Of a JSON array of arrays.
    ///
    /// # Errors
    /// `Corrupt` when it is none.
    pub fn of_json(text: &str) -> Result<Self> {
        let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(text).map_err(StoreError::corrupt)?;
        let columns = rows.first().map_or(0, Vec::len);
        let read: Result<_> = rows.into_iter().flatten().map(json_value).collect();
        Ok(Self { columns, read: read? })
    }

    /// Of rows that SQLite handed over through sqlx.
    ///
    /// # Errors
    /// `Corrupt` when a value is of a type that nothing keeps.
    pub fn of_sqlite(rows: &[SqliteRow]) -> Result<Self> {
        let columns = rows.first().map_or(0, Row::len);
        let mut read = Vec::with_capacity(columns * rows.len());
        for row in rows {
            for at in 0..columns {
                read.push(sqlite_value(row, at)?);
            }
        }
        Ok(Self { columns, read })
    }

    /// Of rows of Postgres, where a column has one type.
    ///
    /// # Errors
    /// `Corrupt` when a column is of a type that nothing keeps.
    pub fn of_postgres(rows: &[PgRow]) -> Result<Self> {
        let all: Result<Vec<_>> = rows.first().map_or(&[][..], Row::columns).iter().map(column).collect();
        let all = all?;
        let mut read = Vec::with_capacity(all.len() * rows.len());
        for row in rows {
            for (at, value) in all.iter().enumerate() {
                read.push(value(row, at)?);
            }
        }
        Ok(Self { columns: all.len(), read })
    }

    /// The rows as records.
    ///
    /// # Errors
    /// `Corrupt` when a value does not fit.
    pub fn rows<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let Self { columns, read } = self;
        let mut rows = Vec::with_capacity(read.len().checked_div(columns).unwrap_or_default());
        let mut cells = read.into_iter().map(Cell).peekable();
        while cells.peek().is_some() {
            let row = SeqDeserializer::new(cells.by_ref().take(columns));
            rows.push(T::deserialize(row).map_err(StoreError::corrupt)?);
        }
        Ok(rows)
    }
}

fn json_value(value: serde_json::Value) -> Result<Value> {
    use serde_json::Value as Json;
    match value {
        Json::Null => Ok(Value::Null),
        Json::String(text) => Ok(Value::Text(text)),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(Value::Integer(whole)),
            (None, Some(real)) => Ok(Value::Real(real)),
            (None, None) => Err(strange("a number")),
        },
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => Err(strange("JSON")),
    }
}

fn sqlite_value(row: &SqliteRow, at: usize) -> Result<Value> {
    let of = row.try_get_raw(at)?.type_info().into_owned();
    match of.name() {
        "NULL" => Ok(Value::Null),
        "INTEGER" => get(row, at, Value::Integer),
        "REAL" => get(row, at, Value::Real),
        "TEXT" => get(row, at, Value::Text),
        other => Err(strange(other)),
    }
}

/// What reads a value of a row of Postgres.
type Reader = fn(&PgRow, usize) -> Result<Value>;

/// What reads the values of `column`.
fn column(column: &PgColumn) -> Result<Reader> {
    Ok(match column.type_info().name() {
        "INT8" => |row, at| get(row, at, Value::Integer),
        "INT4" => |row, at| get(row, at, |number: i32| Value::Integer(number.into())),
        "BOOL" => |row, at| get(row, at, |truth: bool| Value::Integer(truth.into())),
        "FLOAT8" => |row, at| get(row, at, Value::Real),
        "TEXT" | "VARCHAR" | "NAME" => |row, at| get(row, at, Value::Text),
        other => return Err(strange(other)),
    })
}

fn get<'r, R, T>(row: &'r R, at: usize, value: impl FnOnce(T) -> Value) -> Result<Value>
where
    R: Row,
    usize: ColumnIndex<R>,
    T: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(row.try_get::<Option<T>, _>(at)?.map_or(Value::Null, value))
}

fn strange(what: &str) -> StoreError {
    StoreError::corrupt(Error::custom(format!("a value is {what}, which nothing keeps")))
}

/// One value.
struct Cell(Value);

impl IntoDeserializer<'_, Error> for Cell {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Cell {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Real(number) => visitor.visit_f64(number),
            Value::Text(text) => visitor.visit_string(text),
            Value::Blob(_) => Err(Error::custom("bytes where nothing keeps any")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0 == Value::Null { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    /// SQLite has no values for true and false but 1 and 0.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Integer(truth @ (0 | 1)) => visitor.visit_bool(truth == 1),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(columns: usize, read: Vec<Value>) -> Values {
        Values { columns, read }
    }

    #[test]
    fn rows_become_records_in_the_order_of_their_columns() {
        let two = values(
            3,
            vec![Value::Text("a".to_owned()), Value::Integer(7), Value::Null]
                .into_iter()
                .chain([Value::Text("b".to_owned()), Value::Integer(-1), Value::Real(0.5)])
                .collect(),
        );
        let rows: Vec<(String, i64, Option<f64>)> = two.rows().unwrap();
        assert_eq!(rows, [("a".to_owned(), 7, None), ("b".to_owned(), -1, Some(0.5))]);
        assert!(values(2, Vec::new()).rows::<(String, i64)>().unwrap().is_empty());
        assert_eq!(values(1, vec![Value::Integer(1)]).rows::<(bool,)>().unwrap(), [(true,)]);
    }

    #[test]
    fn rows_are_read_from_json() {
        let two = Values::of_json(r#"[["a",7,null],["b",-1,0.5]]"#).unwrap();
        let rows: Vec<(String, i64, Option<f64>)> = two.rows().unwrap();
        assert_eq!(rows, [("a".to_owned(), 7, None), ("b".to_owned(), -1, Some(0.5))]);
        assert!(Values::of_json("[]").unwrap().rows::<(i64,)>().unwrap().is_empty());
        for text in ["", "7", "[7]", "[[true]]", "[[[]]]", "[[1e400]]"] {
            assert!(matches!(Values::of_json(text), Err(StoreError::Corrupt(_))), "{text}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_told() {
        for (columns, read) in [
            (1, vec![Value::Text("7".to_owned())]),
            (1, vec![Value::Null]),
            (1, vec![Value::Blob(vec![7])]),
            (2, vec![Value::Integer(7), Value::Integer(8)]),
        ] {
            assert!(matches!(values(columns, read).rows::<(i64,)>(), Err(StoreError::Corrupt(_))));
        }
        assert!(values(1, vec![Value::Integer(2)]).rows::<(bool,)>().is_err());
    }
}
