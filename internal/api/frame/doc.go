// Package frame is the door of Web SDK v2 and older: an application shows the traditional prompt in a frame of
// its own page, with a signed request in the frame's address, and gets a signed answer by a message from the
// frame (J-02).
//
//	GET/POST /frame/web/v1/auth?tx=…&parent=…&v=…   signed request in; the frame goes on to the pages
//
// The request is TX|b64(user|ikey|exp)|hex HMAC-SHA1, the answer AUTH|b64(user|ikey|exp)|hex HMAC-SHA1, both
// under the application's secret key; ENROLL_REQUEST and ENROLL are the same for setting up. Files: sign
// (reading and writing these), parent (who may frame), auth (the address), answer (the way back).
//
// The door decides nothing about people. Deviations from the vendor's service stand in
// docs/protocol/divergences.md, free choices in docs/protocol/choices.md.
package frame
