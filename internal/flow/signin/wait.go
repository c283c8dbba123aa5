package signin

import (
	"context"
	"errors"
	"time"

	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

// safetyPoll is how often a waiting page looks by itself, should a ring be lost.
const safetyPoll = 10 * time.Second

// Wait implements Interface.
func (f *Flow) Wait(ctx context.Context, s Session, since int64) (Progress, error) {
	wake, stop := f.Bell.Listen(flow.LoginTopic(s.Login.ID))
	defer stop()
	reading := context.WithoutCancel(ctx) // also at the end of its time the page learns what is true
	for {
		l, err := f.DB.Read().LoginByID(reading, s.Login.ID)
		if err != nil {
			return Progress{}, err
		}
		if l.Version > since || ctx.Err() != nil || !f.Now().Before(l.Expires) {
			return f.progress(reading, l)
		}
		timer := time.NewTimer(safetyPoll)
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (f *Flow) progress(ctx context.Context, l login.Login) (Progress, error) {
	p := Progress{Version: l.Version, Stage: l.Stage, ManageReady: !l.ManageProof.IsZero()}
	if l.TransactionID == "" {
		return p, nil
	}
	t, err := f.DB.Read().TransactionByID(ctx, l.TransactionID)
	if errors.Is(err, transaction.ErrUnknown) {
		return p, nil
	}
	p.Transaction = t
	return p, err
}
