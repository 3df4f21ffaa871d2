//! The store from outside: what it keeps, what it mends, what it says.

#[cfg(test)]
mod check;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod store;
#[cfg(test)]
mod upgrade;
