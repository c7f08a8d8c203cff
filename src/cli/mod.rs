//! Layer 8: argv to context to plan. One file per command; `report` prints what went wrong.

