//! Attribute lists (RFC 8216bis, section 4.2).

use anyhow::{Context, Result, bail, ensure};

use super::Seconds;

/// The attributes of one tag, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    list: Vec<(String, Value)>,
}

/// A value, with or without quotes: which of them is part of an attribute's type.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Quoted(String),
    Bare(String),
}

impl Attributes {
    /// Reads an attribute list.
    ///
    /// # Errors
    /// It is malformed, or names an attribute twice.
    pub fn parse(text: &str) -> Result<Self> {
        let mut list: Vec<(String, Value)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=').with_context(|| format!("no `=` in {rest:?}"))?;
            let legal = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
            ensure!(!name.is_empty() && name.bytes().all(legal), "{name:?} is no attribute name");
            ensure!(list.iter().all(|(other, _)| other != name), "{name} appears twice in {text:?}");
            let (value, after) = take_value(after).with_context(|| format!("read {name} in {text:?}"))?;
            list.push((name.to_owned(), value));
            rest = match after.strip_prefix(',') {
                Some("") => bail!("{text:?} ends with a comma"),
                Some(more) => more,
                None if after.is_empty() => after,
                None => bail!("{after:?} follows the value of {name}"),
            };
        }
        Ok(Self { list })
    }

    /// Returns the names that are not among `known`.
    pub fn unknown(&self, known: &[&str]) -> Vec<&str> {
        self.list.iter().map(|(name, _)| name.as_str()).filter(|name| !known.contains(name)).collect()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.list.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Returns a quoted string.
    ///
    /// # Errors
    /// The value has no quotes.
    pub fn quoted(&self, name: &str) -> Result<Option<&str>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Quoted(text)) => Ok(Some(text)),
            Some(Value::Bare(text)) => bail!("{name}={text} must be quoted"),
        }
    }

    /// Returns a bare value.
    ///
    /// # Errors
    /// The value has quotes.
    pub fn bare(&self, name: &str) -> Result<Option<&str>> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bare(text)) => Ok(Some(text)),
            Some(Value::Quoted(text)) => bail!("{name}=\"{text}\" must not be quoted"),
        }
    }

    /// Returns `name` as a quoted string that must be there.
    ///
    /// # Errors
    /// It is missing or has no quotes.
    pub fn need_quoted(&self, name: &str) -> Result<String> {
        Ok(self.quoted(name)?.with_context(|| format!("{name} is missing"))?.to_owned())
    }

    /// Returns a decimal integer.
    ///
    /// # Errors
    /// It is none.
    pub fn integer(&self, name: &str) -> Result<Option<u64>> {
        let Some(text) = self.bare(name)? else { return Ok(None) };
        ensure!(text.bytes().all(|byte| byte.is_ascii_digit()), "{name}={text} is no decimal integer");
        Ok(Some(text.parse().with_context(|| format!("read {name}={text}"))?))
    }

    /// Returns a length in seconds.
    ///
    /// # Errors
    /// It is none.
    pub fn seconds(&self, name: &str) -> Result<Option<Seconds>> {
        self.bare(name)?.map(Seconds::parse).transpose().with_context(|| format!("read {name}"))
    }

    /// Returns YES or NO as a truth; NO where it is missing.
    ///
    /// # Errors
    /// It is neither.
    pub fn yes(&self, name: &str) -> Result<bool> {
        match self.bare(name)? {
            None | Some("NO") => Ok(false),
            Some("YES") => Ok(true),
            Some(other) => bail!("{name}={other} is neither YES nor NO"),
        }
    }
}

/// Takes a value off the front of `text`.
fn take_value(text: &str) -> Result<(Value, &str)> {
    if let Some(open) = text.strip_prefix('"') {
        let (inside, after) = open.split_once('"').context("the closing quote is missing")?;
        return Ok((Value::Quoted(inside.to_owned()), after));
    }
    let (value, after) = match text.find(',') {
        Some(at) => text.split_at_checked(at).context("the value is cut")?,
        None => (text, ""),
    };
    ensure!(!value.is_empty(), "the value is empty");
    ensure!(!value.contains(['"', ' ', '\t']), "{value:?} holds a quote or white space");
    Ok((Value::Bare(value.to_owned()), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_part_of_the_type() {
        let list = Attributes::parse(r#"DURATION=0.5,URI="a,b=c.m4s",INDEPENDENT=YES"#).unwrap();
        assert_eq!(list.quoted("URI").unwrap(), Some("a,b=c.m4s"));
        assert!(list.yes("INDEPENDENT").unwrap());
        assert!(!list.yes("GAP").unwrap());
        assert!(list.bare("URI").is_err());
        assert!(list.quoted("DURATION").is_err());
        assert_eq!(list.unknown(&["DURATION", "URI"]), ["INDEPENDENT"]);
    }

    fn check_refused(text: &str) {
        assert!(Attributes::parse(text).is_err(), "{text}");
    }

    #[test]
    fn malformed_lists_are_refused() {
        check_refused("A");
        check_refused("a=1");
        check_refused("A=1,A=2");
        check_refused("A=1,");
        check_refused("A=\"1");
        check_refused("A=\"1\"2");
        check_refused("A= 1");
        check_refused("A=");
    }
}
