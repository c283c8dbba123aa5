package mobile

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/internal/base/errs"
	"countersign/internal/base/message"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/phone"
	"countersign/internal/flow"
)

// How long a push service keeps an alert for a phone that is away.
const (
	testAlertLife   = time.Minute
	changeAlertLife = 24 * time.Hour
)

// alertsOut bounds what Changed does in the background.
const alertsOut = 15 * time.Second

// TestAlert implements Mobile.
func (f *Flow) TestAlert(ctx context.Context, phoneID string) error {
	p, err := f.db.Read().PhoneByID(ctx, phoneID)
	if err != nil {
		return err
	}
	if f.doorbell == nil || p.Subscription == nil {
		return ErrAlertsOff
	}
	if err := f.db.Write(ctx, func(st Store) error { return take(ctx, st, TestQuota, phoneID, f.now()) }); err != nil {
		return err
	}
	c := message.English()
	return f.knock(ctx, p, c.Text("alert.test.title"), c.Text("alert.test.body"), "test", testAlertLife)
}

// Changed implements flow.Alerts: the person's other phones hear that a device changed, and ask about it (M-09). Which
// one and how, each app reads for itself: an alert is shown on locked screens.
func (f *Flow) Changed(userID, except string) {
	if f.doorbell == nil {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), alertsOut)
		defer cancel()
		if err := f.alertOthers(ctx, userID, except); err != nil {
			f.logger.WarnContext(ctx, "a changed device was not told to every phone", "user", userID, "err", err)
		}
	}()
}

func (f *Flow) alertOthers(ctx context.Context, userID, except string) error {
	st := f.db.Read()
	u, err := st.AccountByID(ctx, userID)
	if err != nil {
		return err
	}
	phones, err := st.PhonesOf(ctx, userID)
	if err != nil {
		return err
	}
	c := message.English()
	title, body := c.Text("alert.changed.title"), c.Text("alert.changed.body", "user", u.Username)
	var all errgroup.Group
	for _, p := range phones {
		if p.ID != except && p.KeyID != "" && p.Subscription != nil {
			all.Go(func() error { return f.knock(ctx, p, title, body, "changed-"+p.ID, changeAlertLife) })
		}
	}
	return all.Wait()
}

// knock shows an alert on a phone that leads into the app. ErrAlertsOff when its subscription is dead.
func (f *Flow) knock(ctx context.Context, p phone.Phone, title, body, tag string, life time.Duration) error {
	plain, err := f.keys.Open(phone.SubscriptionPurpose, p.ID, p.Subscription)
	if err != nil {
		return ErrAlertsOff.With(err)
	}
	var sub flow.Subscription
	if err := json.Unmarshal(plain, &sub); err != nil {
		return ErrAlertsOff.With(err)
	}
	payload, err := json.Marshal(phonewire.NewAlert(title, body, f.publicURL, "/app/", p.ID, tag))
	if err != nil {
		return err
	}
	err = f.doorbell.Knock(ctx, sub, payload, life)
	if err != nil && errs.KindOf(err) == errs.Gone {
		dead := f.db.Write(ctx, func(st Store) error { return st.DropSubscription(ctx, p.ID, p.Subscription) })
		return errors.Join(ErrAlertsOff.With(err), dead)
	}
	return err
}
