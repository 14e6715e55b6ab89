//! The session server: socket, clients, engine, journal and connectors joined together.
