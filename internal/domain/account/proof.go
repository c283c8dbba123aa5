package account

// Proof is what an account proved, as a value. Everything it opens keeps it: a sign-in and its grant, a session of the device
// pages, a request, a remembered browser. It is good only while what it names still is (RULE-42): package factor asks that at
// each use. The zero value is good for nothing.
type Proof struct {
	Factor        string // as the log calls it, which says how strong it is; "none" where nothing was asked for
	Authenticator string // what proved it: the key of a phone's app, or a code of the help desk, by ID; "" = nothing did
	Browser       string // the remembered browser that stood in for it, by ID; "" = none did
	Epoch         int64  // of the account at that moment: raising it ends all that was proved before
}
