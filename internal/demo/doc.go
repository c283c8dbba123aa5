// Package demo shows the whole product on one machine (RULE-41). The pages are at http://localhost:PORT, which
// browsers treat as a secure context. The same handler listens with TLS and a local certificate authority, for clients
// that require https.
//
// Beside the product there are two sample web applications (one of them with the prompt in a frame), keys for SSH and
// for other programs, the phones of the sample people, and an inbox with the mail that would have been sent. The
// applications use the product through their protocols and the phones through the phone protocol, as any other program
// does. Nothing here is for production: every password is known.
//
//	demo.go      Run, from start to end
//	place.go     data folder, ports, configuration file
//	seed.go      the sample applications and people
//	pages.go     the demo's own pages: home, inbox, phones
//	phones.go    the virtual phones behind them
//	sample.go    the sample application with Web SDK 4
//	benefits.go  the sample application with Web SDK 2, with the prompt in a frame
package demo
