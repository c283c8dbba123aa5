// Package signin is the one sign-in flow that every door asks (decision 2).
//
//	door ── Begin ──▶ login: open ──┬── Push ──▶ transaction ── phone ──▶ Answered ──┐
//	          │                     └── Code ────────────────────────────────────────┤
//	          ├──▶ refused (status, policy, new-user rule; logged)                    ▼
//	          └──▶ allowed (bypass status, policy; logged) ─────────────────▶ login: allowed
//	                                                                                  │
//	door ◀── Collect (ticket, once) ◀── Finish (ticket made, once) ◀──────────────────┘
//
// begin.go passes or refuses the gates; ways.go lists the ways in; push.go sends requests within the
// limits of decision 13; answer.go is what an answer, or none, does; code.go tries codes of any kind;
// session.go is a login read afresh; wait.go feeds waiting pages; direct.go is for doors without a browser; finish.go hands the result to the door. Each decision, its counters and
// its log row are one database transaction.
package signin
