// Package parity asks random people through every door of the program and compares what came of it: the
// decision, what was counted, and what was logged (AC-035). It holds tests only.
//
//	situation_test.go  a random person, policy and proof, and one twin of the person for each door
//	doors_test.go      the doors that programs knock at: Auth API, Duo Unix in its three dialects
//	browser_test.go    the doors with pages: Universal Prompt, traditional prompt
//	parity_test.go     the comparison, and the table of the differences that are meant
package parity
