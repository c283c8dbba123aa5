package mobile_test

import (
	"context"
	"errors"
	"testing"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/mobile"
	"countersign/internal/testkit/flowkit"
)

var errAway = errs.New(errs.Unavailable, "unavailable")

// away is a database that goes while a call is under way: whom and what it is about cannot be read any more.
type away struct{ flow.DB }

func (a away) Read() flow.Store { return awayStore{a.DB.Read()} }

func (a away) Write(ctx context.Context, change func(flow.Store) error) error {
	return a.DB.Write(ctx, func(st flow.Store) error { return change(awayStore{st}) })
}

type awayStore struct{ flow.Store }

func (awayStore) SnapshotByRequest(context.Context, string) (v flow.Snapshot, err error) {
	return v, errAway
}
func (awayStore) PhoneByID(context.Context, string) (p phone.Phone, err error) { return p, errAway }
func (awayStore) LoginByID(context.Context, string) (l login.Login, err error) { return l, errAway }
func (awayStore) SessionByID(context.Context, string) (s session.Session, err error) {
	return s, errAway
}
func (awayStore) LockAccount(context.Context, string) (u user.User, err error) { return u, errAway }

// An app that is told "removed" forgets its account, and a code that is told "ended" is thrown away.
func TestADatabaseThatGoesDoesNotEndPhonesAndCodes(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		open := k.Begin(app, "alice").Session().Transaction
		view, _, _ := k.Manager(app, "carol")
		codes := []string{k.Begin(app, "bob").Pair().Link, k.PairPortal(view, "").Link}
		k.Rewire(func(n *flowkit.Needs) { n.Mobile.DB = flow.PartOf[mobile.Store](away{k.DB}) })
		if _, err := k.Mobile.Answer(context.Background(), p.ID, p.Answer(open, phonewire.Approve)); !errors.Is(err, errAway) {
			k.Errorf("the answer: %v", err)
		}
		for _, code := range codes {
			if _, err := k.Claim(code); !errors.Is(err, errAway) || errors.Is(err, activation.ErrExpired) {
				k.Errorf("the code: %v", err)
			}
		}
		k.Rewire(func(n *flowkit.Needs) { n.Mobile.DB = flow.PartOf[mobile.Store](k.DB) })
		k.OK(p.Approve(open))
		for _, code := range codes {
			_, err := k.Claim(code)
			k.OK(err)
		}
	})
}
