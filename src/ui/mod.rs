//! Draws state it is given; owns looks only.
