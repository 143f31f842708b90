//! The wasm entry: brings the islands of the console to life. Nothing else of the console runs in the browser.

// The islands are looked up by name, so nothing here calls them: this keeps their crate.
pub use app::islands;

/// Called by the page's loader, once, before it wakes each island.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
