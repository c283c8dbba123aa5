// Package demo shows the whole product on one machine (decision 41): the pages at
// http://localhost:PORT, which browsers treat as a secure place, and the same handler on TLS with
// a local certificate authority for clients that insist on https. Beside the product stand two
// sample web applications, one of them with the prompt in a frame, keys for SSH and for programs,
// the sample people's phones, and an inbox with the mail that would have been sent. All of it uses
// the product the way anybody would: the applications through their protocols, the phones through
// the phone protocol.
//
//	demo.go      start to end
//	place.go     data folder, ports, configuration file
//	seed.go      the sample applications and people
//	pages.go     the demo's own pages: home, inbox, phones
//	phones.go    the virtual phones behind them
//	sample.go    the sample application
//	benefits.go  the one of the older kind, with the prompt in a frame
package demo
