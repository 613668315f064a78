//! `$(( … ))`: integers, `+ - * / %`, comparisons, parentheses.

/// The value of an expression whose parameters were replaced; `None` when it is not one of these.
pub(super) fn evaluate(text: &str) -> Option<i64> {
    let mut reader = Reader { text: text.as_bytes(), at: 0, depth: 0 };
    let value = reader.compare()?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, operators: &[&'static str]) -> Option<&'static str> {
        self.blanks();
        let found = operators.iter().find(|o| self.text[self.at..].starts_with(o.as_bytes()))?;
        self.at += found.len();
        Some(found)
    }

    fn compare(&mut self) -> Option<i64> {
        let mut value = self.sum()?;
        while let Some(operator) = self.take(&["==", "!=", "<=", ">=", "<", ">"]) {
            let other = self.sum()?;
            value = i64::from(match operator {
                "==" => value == other,
                "!=" => value != other,
                "<=" => value <= other,
                ">=" => value >= other,
                "<" => value < other,
                _ => value > other,
            });
        }
        Some(value)
    }

    fn sum(&mut self) -> Option<i64> {
        let mut value = self.product()?;
        while let Some(operator) = self.take(&["+", "-"]) {
            let other = self.product()?;
            value = if operator == "+" { value.checked_add(other)? } else { value.checked_sub(other)? };
        }
        Some(value)
    }

    fn product(&mut self) -> Option<i64> {
        let mut value = self.unit()?;
        while let Some(operator) = self.take(&["*", "/", "%"]) {
            let other = self.unit()?;
            value = match operator {
                "*" => value.checked_mul(other)?,
                "/" => value.checked_div(other)?,
                _ => value.checked_rem(other)?,
            };
        }
        Some(value)
    }

    fn unit(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > 200 {
            return None;
        }
        if self.take(&["-"]).is_some() {
            return self.unit()?.checked_neg();
        }
        if self.take(&["("]).is_some() {
            let value = self.compare()?;
            return self.take(&[")"]).map(|_| value);
        }
        self.blanks();
        let digits = self.text[self.at..].iter().take_while(|c| c.is_ascii_alphanumeric()).count();
        let word = std::str::from_utf8(&self.text[self.at..self.at + digits]).ok()?;
        self.at += digits;
        match word.strip_prefix("0x") {
            Some(hex) => i64::from_str_radix(hex, 16).ok(),
            None if word.len() > 1 && word.starts_with('0') => i64::from_str_radix(word, 8).ok(),
            None => word.parse().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::evaluate;
    use proptest::prelude::*;

    #[test]
    fn expressions_have_their_values() {
        for (text, expected) in
            [("1 + 2*3", Some(7)), ("(1+2)*3", Some(9)), ("010", Some(8)), ("-2 < 1", Some(1)), ("1/0", None), ("a", None), ("", None)]
        {
            assert_eq!(evaluate(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_answered(text in "[-0-9+*/%()<>= a]{0,400}") {
            let _ = evaluate(&text);
        }
    }
}
