package attempt

import (
	"errors"

	"countersign/internal/base/message"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

// Status is where an attempt stands, in the words of the Auth API (N-01).
type Status struct {
	Result string // allow, deny, waiting
	Status string // allow, deny, bypass, locked_out, pushed, push_failed, timeout, fraud
	Text   string // for the person
}

// Results.
const (
	ResultAllow   = "allow"
	ResultDeny    = "deny"
	ResultWaiting = "waiting"
)

// StatusOf says what became of a transaction.
func StatusOf(c *message.Catalogue, t transaction.Transaction) Status {
	switch t.State {
	case transaction.Pending:
		if t.Unreachable {
			return Status{ResultWaiting, "push_failed", c.Text("api.waiting.push_failed")}
		}
		return Status{ResultWaiting, "pushed", c.Text("api.waiting.pushed")}
	case transaction.Approved:
		return Status{ResultAllow, "allow", c.Text("api.allow")}
	case transaction.Fraud:
		return deny(c, "fraud", audit.UserMarkedFraud)
	case transaction.TimedOut:
		return deny(c, "timeout", audit.NoResponse)
	}
	return deny(c, "deny", t.Reason)
}

// StatusOfGate says what the gates decided at once. A challenge is waiting.
func StatusOfGate(c *message.Catalogue, g signin.Gate) Status {
	switch g.Outcome {
	case signin.OutcomeAllow:
		s := Status{ResultAllow, "allow", sentence(c, "api.allow", g.Reason)}
		if g.Reason == audit.BypassUser {
			s.Status = "bypass"
		}
		return s
	case signin.OutcomeChallenge:
		return Status{ResultWaiting, "waiting", c.Text("api.auth")}
	case signin.OutcomeEnroll:
		return Status{ResultDeny, "deny", c.Text("api.enroll.first")}
	}
	if g.Reason == audit.LockedOut {
		return deny(c, "locked_out", g.Reason)
	}
	return deny(c, "deny", g.Reason)
}

// StatusOfError speaks of a proof that was not even tried. False for an error that says nothing about the person.
func StatusOfError(c *message.Catalogue, err error) (Status, bool) {
	for _, one := range []struct {
		is     error
		status string
		reason string
	}{
		{user.ErrLocked, "locked_out", audit.LockedOut},
		{signin.ErrPolicy, "deny", audit.DeniedByPolicy},
		{signin.ErrPushLimit, "deny", "push_limit"},
		{signin.ErrPushStorm, "deny", "push_storm"},
		{signin.ErrNumber, "deny", "push_number"},
		{errNoRequest, "deny", "push_number"},
		{signin.ErrNoWay, "deny", "no_way"},
	} {
		if errors.Is(err, one.is) {
			return deny(c, one.status, one.reason), true
		}
	}
	return Status{}, false
}

// StatusOfOutage is the "no" of a door whose database is lost.
func StatusOfOutage(c *message.Catalogue) Status { return deny(c, "deny", "outage") }

func deny(c *message.Catalogue, status, reason string) Status {
	return Status{ResultDeny, status, sentence(c, "api.deny", reason)}
}

// sentence is the one for a reason, else the general one.
func sentence(c *message.Catalogue, key, reason string) string {
	if reason != "" && message.Has(key+"."+reason) {
		return c.Text(key + "." + reason)
	}
	return c.Text(key)
}
