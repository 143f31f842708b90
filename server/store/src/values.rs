//! What a database read, as the records that it stands for: the values of a row in the order of their columns. Whichever
//! way they were read, they come together here, so that what is made for each kind of record is small.

use std::{fmt, mem};

use rusqlite::types::{Value, ValueRef};
use serde::{
    Deserialize,
    de::{
        self, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor,
        value::{Error, SeqAccessDeserializer},
    },
    forward_to_deserialize_any,
};
use sqlx::{
    Column, ColumnIndex, Decode, Row as _, TypeInfo, ValueRef as _,
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
        let mut all = Self { columns: 0, read: Vec::new() };
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_seq(JsonRows(&mut all)).and_then(|()| json.end()).map_err(StoreError::corrupt)?;
        Ok(all)
    }

    /// Of rows that SQLite handed over through sqlx.
    ///
    /// # Errors
    /// `Corrupt` when a value is of a type that nothing keeps.
    pub fn of_sqlite(rows: &[SqliteRow]) -> Result<Self> {
        let columns = rows.first().map_or(0, sqlx::Row::len);
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
        let all: Result<Vec<_>> = rows.first().map_or(&[][..], sqlx::Row::columns).iter().map(column).collect();
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
        let Self { columns, mut read } = self;
        if columns == 0 {
            return Ok(Vec::new());
        }
        read.chunks_exact_mut(columns).map(|row| record(Cells::Own(row))).collect()
    }
}

/// The values of one row, in the order of its columns. One type for both, so that what is made for each kind of record is
/// made once.
pub(crate) enum Cells<'a> {
    /// They were made for whoever asked.
    Own(&'a mut [Value]),
    /// They are where the database keeps them until the next row.
    Lent(&'a rusqlite::Row<'a>, usize),
}

impl Cells<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Own(values) => values.len(),
            Self::Lent(_, columns) => *columns,
        }
    }

    /// All of them, to keep.
    ///
    /// # Errors
    /// When one is a text that is not UTF-8.
    pub fn kept(self, all: &mut Values) -> Result<()> {
        all.columns = self.len();
        match self {
            Self::Own(values) => all.read.extend_from_slice(values),
            Self::Lent(row, columns) => {
                for at in 0..columns {
                    all.read.push(row.get(at)?);
                }
            }
        }
        Ok(())
    }
}

/// A row as a record.
///
/// # Errors
/// `Corrupt` when a value does not fit.
pub(crate) fn record<T: DeserializeOwned>(cells: Cells<'_>) -> Result<T> {
    let mut row = Row { cells, next: 0 };
    let record = T::deserialize(SeqAccessDeserializer::new(&mut row)).map_err(StoreError::corrupt)?;
    if row.next < row.cells.len() {
        return Err(StoreError::corrupt(Error::custom("a row has more values than its record")));
    }
    Ok(record)
}

/// A row that is read value by value.
struct Row<'a> {
    cells: Cells<'a>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Row<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let at = self.next;
        self.next += 1;
        match &mut self.cells {
            Cells::Own(values) => match values.get_mut(at) {
                Some(value) => seed.deserialize(Own(mem::replace(value, Value::Null))).map(Some),
                None => Ok(None),
            },
            Cells::Lent(row, columns) if at < *columns => {
                seed.deserialize(Lent(row.get_ref(at).map_err(Error::custom)?)).map(Some)
            }
            Cells::Lent(..) => Ok(None),
        }
    }
}

/// Reads rows from JSON, each value once.
struct JsonRows<'a>(&'a mut Values);

impl<'de> Visitor<'de> for JsonRows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(JsonRow(self.0))?.is_some() {}
        Ok(())
    }
}

/// Reads one row.
struct JsonRow<'a>(&'a mut Values);

impl<'de> DeserializeSeed<'de> for JsonRow<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, row: D) -> Result<(), D::Error> {
        row.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for JsonRow<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<(), A::Error> {
        let before = self.0.read.len();
        while let Some(JsonCell(value)) = cells.next_element()? {
            self.0.read.push(value);
        }
        self.0.columns = self.0.read.len() - before;
        Ok(())
    }
}

/// Reads one value.
struct JsonCell(Value);

impl<'de> Deserialize<'de> for JsonCell {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(JsonValue).map(Self)
    }
}

struct JsonValue;

impl Visitor<'_> for JsonValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text or nothing")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Integer).map_err(E::custom)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Real(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
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

/// The value at `at`, whose type was looked at.
fn get<'r, R, T>(row: &'r R, at: usize, value: impl FnOnce(T) -> Value) -> Result<Value>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    T: Decode<'r, R::Database>,
{
    Ok(row.try_get_unchecked::<Option<T>, _>(at)?.map_or(Value::Null, value))
}

fn strange(what: &str) -> StoreError {
    StoreError::corrupt(Error::custom(format!("a value is {what}, which nothing keeps")))
}

/// A value that was made for whoever asked.
struct Own(Value);

/// A value that is where the database keeps it.
struct Lent<'a>(ValueRef<'a>);

/// What both do alike: what is nothing is no option, true and false are 1 and 0 (SQLite has no others), and a type around one
/// value is that value.
macro_rules! alike {
    ($null:pat, $truth:pat => $one:expr) => {
        fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                $null => visitor.visit_none(),
                _ => visitor.visit_some(self),
            }
        }

        fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.0 {
                $truth => visitor.visit_bool($one),
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
    };
}

impl<'de> Deserializer<'de> for Own {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Text(text) => visitor.visit_string(text),
            other => Lent(ValueRef::from(&other)).deserialize_any(visitor),
        }
    }

    alike!(Value::Null, Value::Integer(truth @ (0 | 1)) => truth == 1);
}

impl<'de> Deserializer<'de> for Lent<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Integer(number) => visitor.visit_i64(number),
            ValueRef::Real(number) => visitor.visit_f64(number),
            ValueRef::Text(text) => visitor.visit_str(str::from_utf8(text).map_err(Error::custom)?),
            ValueRef::Blob(_) => Err(Error::custom("bytes where nothing keeps any")),
        }
    }

    alike!(ValueRef::Null, ValueRef::Integer(truth @ (0 | 1)) => truth == 1);
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
        for text in ["", "7", "[7]", "[[true]]", "[[[]]]", "[[1e400]]", "[[18446744073709551615]]", "[[1]] x"] {
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
