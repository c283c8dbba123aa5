package signin

import (
	"context"

	"countersign/internal/domain/audit"
	"countersign/internal/flow/journal"
)

// entry is what one decision adds to the log beyond the session.
type entry struct {
	Result           audit.Result
	Reason, Factor   string
	TxID             string
	DeviceID, Device string
}

// record writes the authentication-log row of a decision, in the decision's own database transaction.
func (f *Flow) record(ctx context.Context, st Store, s Session, e entry) error {
	return f.journal().Attempt(ctx, st, journal.Attempt{TxID: e.TxID, Result: e.Result, Reason: e.Reason, Factor: e.Factor,
		User: s.User, Username: s.Login.Username, Application: s.Application, IP: s.Login.IP, UserAgent: s.Login.UserAgent,
		DeviceID: e.DeviceID, Device: e.Device})
}

func (f *Flow) journal() journal.Journal { return journal.Journal{Now: f.now, Rand: f.rand} }
