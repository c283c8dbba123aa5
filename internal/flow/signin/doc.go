// Package signin is the one sign-in flow that every door asks (RULE-2).
//
//	door ── Begin ──▶ login: open ──┬── Start ─▶ transaction ── phone ──▶ Answer ────┐
//	          │                     └── Code ────────────────────────────────────────┤
//	          ├──▶ refused (status, policy, new-user rule; logged)                    ▼
//	          └──▶ allowed (bypass status, policy; logged) ─────────────────▶ login: allowed
//	                                                                                  │
//	door ◀── Collect (grant, once) ◀─── Finish (grant made, once) ◀───────────────────┘
//
// step.go says what a sign-in asks next: the pages show it, and nothing is finished that it does not let through.
// begin.go passes or refuses the gates; ways.go picks among the ways in; request.go sends requests within the limits of
// RULE-13; answer.go is what an answer, or none, does; code.go tries codes; session.go is a login read afresh;
// wait.go feeds waiting pages; remember.go and token.go are browsers and programs that skip the proof; direct.go is for
// doors without a browser; finish.go hands the result to the door. What there is to prove by is package factor's to say:
// no file here names a factor. Each decision, its counters and its log row are one database transaction.
package signin
