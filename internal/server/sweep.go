package server

import (
	"context"
	"time"

	"countersign/internal/flow"
)

// keepFinished is how long logins, portal sessions and requests stay after they are over, for the
// page that explains what became of them. The log keeps what matters for longer.
const keepFinished = 24 * time.Hour

// sweep does what nobody's request would do: it ends requests nobody answered, each second, and
// forgets what is long over, each minute. Several nodes may do so at once.
func (s *Server) sweep(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		}
		if err := s.SignIn.Expire(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "requests that ran out could not be ended", "error", err)
		}
		if n%60 == 30 {
			if err := s.forget(ctx); err != nil && ctx.Err() == nil {
				s.Log.ErrorContext(ctx, "old rows could not be forgotten", "error", err)
			}
		}
	}
}

// forget deletes what is over and no longer asked for.
func (s *Server) forget(ctx context.Context) error {
	now := s.now()
	before := now.Add(-keepFinished)
	return s.DB.Write(ctx, func(st flow.Store) error {
		if _, err := st.ForgetLogins(ctx, before); err != nil {
			return err
		}
		if _, err := st.ForgetSessions(ctx, before); err != nil {
			return err
		}
		if _, err := st.ForgetTransactions(ctx, before); err != nil {
			return err
		}
		if _, err := st.SweepBrowsers(ctx, now); err != nil {
			return err
		}
		_, err := st.SweepAssertions(ctx, now)
		return err
	})
}
