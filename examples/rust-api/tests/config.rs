//! The configuration that ships must be one the program accepts.

use std::process::Command;

#[test]
fn every_environment_loads() {
    for environment in ["development", "production"] {
        let out = Command::new(env!("CARGO_BIN_EXE_orders-api"))
            .arg("check-config")
            .env("ORDERS_ENVIRONMENT", environment)
            .output()
            .unwrap();
        assert!(out.status.success(), "{environment}: {out:?}");
    }
}
