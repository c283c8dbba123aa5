package mobile_test

import (
	"context"
	"testing"
	"time"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/settings"
	"countersign/internal/flow/mobile"
	"countersign/internal/testkit/flowkit"
)

// E-21: a phone learns which other devices the person has, so that it can ask about changes.
func TestAPhoneLearnsOfThePersonsOtherDevices(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, app := context.Background(), k.Application("Payroll")
		v, cookie, p := k.Manager(app, "ana")
		k.Enrolled(app, "ben") // somebody else's
		s, err := k.Mobile.Status(ctx, p.ID)
		k.OK(err)
		if s.Devices == nil || len(s.Devices) != 0 {
			k.Errorf("alone: %+v", s.Devices)
		}
		k.Clock.Advance(time.Minute)
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		s, err = k.Mobile.Status(ctx, p.ID)
		k.OK(err)
		if len(s.Devices) != 1 || s.Devices[0].ID != second.ID || s.Devices[0].Since != k.Clock.Now().UnixMilli() || s.Devices[0].Name == "" {
			k.Fatalf("added: %+v", s.Devices)
		}
		since := s.Devices[0].Since
		k.Clock.Advance(time.Minute)
		again, err := k.Claim(k.PairPortal(k.View(cookie), second.ID).Link)
		k.OK(err)
		if s, err = k.Mobile.Status(ctx, p.ID); err != nil || len(s.Devices) != 1 || s.Devices[0].Since == since {
			k.Errorf("set up anew: %+v, %v", s.Devices, err)
		}
		k.OK(again.Leave())
		if s, err = k.Mobile.Status(ctx, p.ID); err != nil || len(s.Devices) != 0 {
			k.Errorf("its app left: %+v, %v", s.Devices, err)
		}
	})
}

// M-11: who says "It was not me" is heard, as often as is useful.
func TestAChangeThatWasNotThePersonsIsReported(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		k.Settings(func(s *settings.Settings) { s.FraudEmail = "desk@example.edu" })
		_, _, p := k.Manager(k.Application("Payroll"), "ana")
		k.OK(k.Mobile.Report(ctx, p.ID, "Mallory's phone"))
		mails := k.Mails()
		last := mails[len(mails)-1]
		if last.To != "desk@example.edu" || last.Kind != "change_reported" || last.Values["user"] != "ana" || last.Values["device"] != "Mallory's phone" {
			k.Errorf("%+v", last)
		}
		logged, err := k.DB.Read().Actions(ctx, audit.Query{Limit: 1})
		k.OK(err)
		if len(logged) != 1 || logged[0].Action != "phone_change_reported" || logged[0].Object != "ana" || logged[0].Description["device"] != "Mallory's phone" {
			k.Errorf("%+v", logged)
		}
		var refused error
		for range 100 {
			if refused = k.Mobile.Report(ctx, p.ID, "Mallory's phone"); refused != nil {
				break
			}
		}
		k.Want(refused, mobile.ErrGuesses)
	})
}
