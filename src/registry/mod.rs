//! WHERE it goes: client, authentication, uploads. Knows `image`.
