package server

import (
	"context"
	"time"

	"countersign/internal/flow"
)

// keepFinished is how long finished logins, portal sessions and requests stay in the database, for the page that shows
// their outcome. The authentication log keeps its rows longer.
const keepFinished = 24 * time.Hour

// sweep does the work that no HTTP request triggers, until ctx ends: each second it ends requests that nobody has
// answered in time, and each minute it deletes old rows. Several nodes may do so at the same time.
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

// forget deletes rows that finished before keepFinished, and browsers, assertions and guesses that have expired.
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
		if _, err := st.SweepGuesses(ctx, now); err != nil {
			return err
		}
		_, err := st.SweepAssertions(ctx, now)
		return err
	})
}
