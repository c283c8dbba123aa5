// Package phonewire is the one home of the phone protocol's wire format: the JSON bodies, the
// Authorization header, and the exact texts that are signed. docs/protocol/phone.md documents the
// same protocol for people who write a phone in another language.
//
// A phone's key is ECDSA on P-256 with SHA-256. A signature is r||s, 64 bytes, and travels as
// base64url without padding: the form WebCrypto makes. Times are milliseconds since 1970 UTC.
//
// Every signed text is built by one rule: the name of the text on the first line, then a line
// "<length in bytes>:<value>" for each field. Because of the lengths, two different sets of fields
// never give the same text, whatever the values contain.
package phonewire
