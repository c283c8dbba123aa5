// Package api is what the doors for signed requests share: reading a request and proving who sent it,
// the envelope of answers, the errors with their numbers, and the menu of doors on terminals.
package api
