//! What SQLite read, as the records that it stands for: the values of a row in the order of their columns.

use rusqlite::types::Value;
use serde::{
    de::{
        DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor,
        value::{Error, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::{Result, StoreError};

/// The values of all rows, one row after the other.
pub(super) struct Values {
    pub columns: usize,
    pub read: Vec<Value>,
}

impl Values {
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
