/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in for sources. Each text is versioned by RECIPE_STUBSET: it is part of a digest.
 *
 * The doc line and the allowance keep -Dwarnings, -Dmissing_docs and
 * -Dunused_crate_dependencies of somebody's RUSTFLAGS content; allowing all warnings would
 * clash with -F of them.
 */
#include "stubs.h"

#define HEAD "//! stub\n#![allow(unused_crate_dependencies)]\n"
#define PANIC "#[panic_handler]\nfn panic(_: &core::panic::PanicInfo) -> ! {\n    loop {}\n}\n"

static const struct {
    const char *kind, *text, *no_std;
} stubs[] = {
    {"rust-lib", HEAD, "#![no_std]\n"},
    {"rust-proc-macro", HEAD, HEAD},
    {"rust-bin", HEAD "fn main() {}\n", "#![no_std]\n#![no_main]\n" PANIC},
    {"rust-build", HEAD "fn main() {}\n", HEAD "fn main() {}\n"},
    {"rust-test", HEAD,
     "#![no_std]\n#![no_main]\n#![feature(custom_test_frameworks)]\n"
     "#![test_runner(test_runner)]\n#[no_mangle]\npub extern \"C\" fn _init() {}\n"
     "fn test_runner(_: &[&dyn Fn()]) {}\n" PANIC},
};

struct bytes stub_text(struct bytes kind, bool no_std)
{
    for (size_t i = 0; i < ARRAY_SIZE(stubs); i++)
        if (bytes_equal(kind, bytes_of(stubs[i].kind)))
            return bytes_of(no_std ? stubs[i].no_std : stubs[i].text);
    return (struct bytes){NULL, 0};
}
