// Package notice writes mail to people: what a change causes is composed, sealed and queued in
// the change's own database transaction, so either both happen or neither does. A worker sends
// it later and keeps trying while the mail server is down (AC-079). Nobody waits for mail.
//
// Texts come from the catalogue, area "mail": mail.<kind>.subject, .text and, for kinds with a
// link, .button. Paragraphs of a text are parted by an empty line.
package notice
