//! Everything that needs more than one module, or the real world.

mod tidy;
