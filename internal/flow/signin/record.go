package signin

import (
	"context"

	"countersign/internal/base/id"
	"countersign/internal/domain/audit"
	"countersign/internal/flow"
)

// entry is what one decision adds to the log beyond the session.
type entry struct {
	Result           audit.Result
	Reason, Factor   string
	TxID             string
	Event            string // "" = authentication
	DeviceID, Device string
}

// record writes the authentication-log row of a decision, in the decision's own database transaction.
func (f *Flow) record(ctx context.Context, st flow.Store, s Session, e entry) error {
	a := audit.Authentication{
		ID: id.Key(f.Rand, id.Log), TxID: e.TxID, Time: f.Now(), EventType: e.Event,
		Result: e.Result, Reason: e.Reason, Factor: e.Factor,
		UserID: s.User.ID, Username: s.Login.Username, Email: s.User.Email,
		IP: s.Login.IP, UserAgent: s.Login.UserAgent,
	}
	if a.EventType == "" {
		a.EventType = audit.EventAuthentication
	}
	a.Application.ID, a.Application.Name = s.Application.ID, s.Application.Name
	a.Device.ID, a.Device.Name = e.DeviceID, e.Device
	return st.LogAuthentication(ctx, a)
}
