// Package account is who may own an authenticator: a phone, a bypass code, a remembered browser, and the sign-ins,
// requests, pairing codes and sessions that go with them.
//
// Today every account is a person's, and package user holds what is known about people. An administrator of the
// console has an account too, in the same table, so that the console asks for a second proof by the same flow and
// needs no second set of tables. The two never meet: a person is found by name, by ID and in lists; an administrator's
// account is found by its ID alone, by whoever asks for that kind.
package account

// ID names an account: the user ID of a person, or the ID of an administrator. Columns and fields named user_id and
// UserID that have this type hold either.
type ID = string

// Kind says whose account it is.
type Kind string

const (
	Person        Kind = "" // the zero value: who has not said otherwise is a person
	Administrator Kind = "administrator"
)
