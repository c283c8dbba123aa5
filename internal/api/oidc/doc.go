// Package oidc is the door of Web SDK v4: an application sends its user here with a signed
// request, the prompt asks for the second proof, and the application trades a code for a
// signed id_token (J-01).
//
//	POST     /oauth/v1/health_check   is the service up, are the keys right?
//	GET/POST /oauth/v1/authorize      signed request in; browser goes on to the prompt
//	POST     /oauth/v1/token          code in; id_token out
//
// One sign-in passes through the files in this order: params (what was sent), jwt and request
// (is it the application's word?), redirect (may the browser be sent there?), state (what is
// remembered until the code comes back), then token, assertion and idtoken.
//
// The door decides nothing about people: it calls the sign-in flow and reports what that says.
// Deviations from the vendor's service stand in docs/protocol/divergences.md, free choices in
// docs/protocol/choices.md.
package oidc
