// Package factor is the one list of what a person can prove a sign-in by, one file a factor: a request to a phone
// (push.go), a code of the app (passcode.go), a code of the help desk (helpdesk.go).
//
// A factor says which ways in it gives a person, how a request by it starts or a code of it is tried, what the log calls
// it, what a proof by it is worth afterwards, and its row in prompts and terminals. Everything else reads the list and
// names no factor: the sign-in flow, the prompts, the doors, remembered browsers, tokens and the log. CONTRIBUTING.md
// has the recipe for one more.
//
// The package stands below the flows that use it, so it knows nouns and no flow.
package factor
