//! The orders, in memory, behind a lock.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub item: String,
    pub quantity: u32,
}

#[derive(Default)]
struct Inner {
    next: u64,
    orders: BTreeMap<u64, Order>,
}

pub struct Store {
    limit: usize,
    inner: Mutex<Inner>,
}

impl Store {
    pub fn with_limit(limit: usize) -> Store {
        Store { limit, inner: Mutex::default() }
    }

    /// The new order's number, or None when the store is full.
    pub fn add(&self, order: Order) -> Option<u64> {
        let mut inner = self.inner.lock().unwrap();
        if inner.orders.len() >= self.limit {
            return None;
        }
        inner.next += 1;
        let id = inner.next;
        inner.orders.insert(id, order);
        Some(id)
    }

    pub fn get(&self, id: u64) -> Option<Order> {
        self.inner.lock().unwrap().orders.get(&id).cloned()
    }

    pub fn all(&self) -> BTreeMap<u64, Order> {
        self.inner.lock().unwrap().orders.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_store_takes_no_more() {
        let store = Store::with_limit(1);
        let order = Order { item: "tea".into(), quantity: 2 };
        assert_eq!(store.add(order.clone()), Some(1));
        assert_eq!(store.add(order), None);
    }
}
