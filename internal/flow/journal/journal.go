// Package journal is the only maker of rows of the two logs: who tried to sign in and what came of it (L-01), and who
// changed what (L-06). A row is written in the database transaction of what it tells of, so neither stands without the
// other. A test of the architecture refuses rows made elsewhere.
package journal

import (
	"context"
	"io"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/user"
)

// Journal gives rows their time and their ID.
type Journal struct {
	Now  func() time.Time
	Rand io.Reader
}

// Attempt is one row of the authentication log: an attempt to get into an application, or the set-up of a first device.
type Attempt struct {
	TxID        string
	Event       string // an audit.Event…; "" = authentication
	Result      audit.Result
	Reason      string
	Factor      string
	User        user.User // zero value for a person who is not a user
	Username    string    // as they came
	Application application.Application
	IP          string
	UserAgent   string
	DeviceID    string
	Device      string // its name
}

// Store is what rows are written to.
type Store interface {
	LogAction(ctx context.Context, a audit.Action) error
	LogAuthentication(ctx context.Context, a audit.Authentication) error
}

// Attempt writes one.
func (j Journal) Attempt(ctx context.Context, st Store, a Attempt) error {
	row := audit.Authentication{ID: id.Key(j.Rand, id.Log), TxID: a.TxID, Time: j.Now(), EventType: a.Event,
		Result: a.Result, Reason: a.Reason, Factor: a.Factor, UserID: a.User.ID, Username: a.Username, Email: a.User.Email,
		IP: a.IP, UserAgent: a.UserAgent}
	if row.EventType == "" {
		row.EventType = audit.EventAuthentication
	}
	row.Application.ID, row.Application.Name = a.Application.ID, a.Application.Name
	row.Device.ID, row.Device.Name = a.DeviceID, a.Device
	return st.LogAuthentication(ctx, row)
}

// Act writes one row of the action log. The description must hold no secret.
func (j Journal) Act(ctx context.Context, st Store, by audit.Actor, action, object string, description map[string]any) error {
	return st.LogAction(ctx, audit.Action{ID: id.Key(j.Rand, id.Log), Time: j.Now(), Actor: by, Action: action, Object: object, Description: description})
}
