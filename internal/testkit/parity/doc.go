// Package parity sends random people through every door of the program and compares the results: the decision, what
// was counted, and what was logged (AC-035). It holds tests only.
//
//	situation_test.go  a random person, policy and proof, and one twin of the person for each door
//	doors_test.go      the doors for programs: Auth API, Duo Unix in its three dialects
//	browser_test.go    the doors with pages: Universal Prompt, traditional prompt
//	parity_test.go     the comparison, and the table of the intended differences
//	retry_test.go      the signed doors when calls break, repeat or come at the same time
package parity
