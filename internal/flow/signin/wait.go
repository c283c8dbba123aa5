package signin

import (
	"context"
	"errors"
	"time"

	"countersign/internal/base/aside"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

// safetyPoll is how often a waiting page looks by itself, should a ring be lost. The bell rings everybody when it may have
// missed one, so this is for its mistakes: a look of each of ten thousand pages is felt by those who just got an answer.
const safetyPoll = 20 * time.Second

// Wait returns when the login's version is above since, or ctx ends, with what is true then. login.ErrStale.
func (f *Flow) Wait(ctx context.Context, loginID string, since int64) (*Progress, error) {
	wake, stop := f.bell.Listen(flow.LoginTopic(loginID))
	defer stop()
	reading := context.WithoutCancel(ctx) // also at the end of its time the page learns what is true
	for {
		over := ctx.Err() != nil
		news, err := aside.Do(func() (*Progress, error) { return f.look(reading, loginID, since, over) })
		if err != nil || news != nil {
			return news, err
		}
		flow.Await(ctx, wake, safetyPoll)
	}
}

// look gives the progress if there is any above since, or when the waiting is over.
func (f *Flow) look(ctx context.Context, loginID string, since int64, over bool) (*Progress, error) {
	l, err := f.db.Read().LoginByID(ctx, loginID)
	if err != nil {
		return nil, err
	}
	if l.Version <= since && !over && f.now().Before(l.Expires) {
		return nil, nil
	}
	news, err := f.progress(ctx, l)
	return &news, err
}

func (f *Flow) progress(ctx context.Context, l login.Login) (Progress, error) {
	p := Progress{Version: l.Version, Stage: l.Stage, Proof: l.Proof, ManageProof: l.ManageProof, Manage: l.Manage}
	if l.TransactionID == "" {
		return p, nil
	}
	t, err := f.db.Read().TransactionByID(ctx, l.TransactionID)
	if errors.Is(err, transaction.ErrUnknown) {
		return p, nil
	}
	p.Transaction = t
	return p, err
}

// With is the session as a page would find it after the news: what Next says of it is what the page is to do.
func (s Session) With(news Progress) Session {
	s.Login.Version, s.Login.Stage, s.Login.Proof = news.Version, news.Stage, news.Proof
	s.Login.ManageProof, s.Login.Manage = news.ManageProof, news.Manage
	s.Transaction = news.Transaction
	return s
}
