package mobile

import (
	"context"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

// Requests implements Mobile. The first time a request is fetched, the waiting page learns of it.
func (f *Flow) Requests(ctx context.Context, phoneID string) ([]phonewire.Request, error) {
	st, now := f.db.Read(), f.now()
	open, err := st.OpenTransactionsOn(ctx, phoneID, now)
	if err != nil {
		return nil, err
	}
	if len(open) == 0 {
		return nil, nil
	}
	set, err := st.LoadSettings(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]phonewire.Request, 0, len(open))
	for _, t := range open {
		list = append(list, phonewire.Request{
			Transaction: t.ID, Kind: kind(t), ApplicationID: t.ApplicationID, ApplicationName: t.Application,
			UserID: t.UserID, Username: t.Username, Organisation: set.Organization, IP: t.IP, Browser: t.Client,
			NumberDigits: len(t.Number), Created: t.Created.UnixMilli(), Expires: t.Expires.UnixMilli(),
			Title: phonewire.OneLine(t.Title, phonewire.MaxTitle), Info: reported(t.Info),
		})
	}
	return list, f.fetched(ctx, open)
}

// kind is what the app asks about. After an enrollment link there is no application to name.
func kind(t transaction.Transaction) string {
	if t.Purpose == transaction.Pairing && t.ApplicationID == application.PortalID {
		return phonewire.KindTryOut
	}
	return string(t.Purpose)
}

// reported is what a door says about a request, made harmless: it stands on a phone beside verified facts.
func reported(info []transaction.Field) []phonewire.Detail {
	var list []phonewire.Detail
	for _, i := range info {
		line := phonewire.Detail{Label: phonewire.OneLine(i.Label, phonewire.MaxLabel), Value: phonewire.BothEnds(i.Value, phonewire.MaxValue)}
		if line.Value != "" && len(list) < phonewire.MaxDetails {
			list = append(list, line)
		}
	}
	return list
}

func (f *Flow) fetched(ctx context.Context, open []transaction.Transaction) error {
	var fresh []transaction.Transaction
	for _, t := range open {
		if t.Fetched.IsZero() {
			fresh = append(fresh, t)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	err := f.db.Write(ctx, func(st Store) error {
		if err := st.HoldAccount(ctx, fresh[0].UserID); err != nil { // before request and login, as every other change
			return err
		}
		for _, t := range fresh {
			if err := st.MarkDelivery(ctx, t.ID, time.Time{}, f.now(), false); err != nil {
				return err
			}
			if err := st.BumpLogin(ctx, t.LoginID); err != nil {
				return err
			}
		}
		return nil
	})
	for _, t := range fresh {
		f.bell.Ring(flow.LoginTopic(t.LoginID))
	}
	return err
}

// Wait implements Mobile. It returns at once when a request waits that the app has not fetched.
func (f *Flow) Wait(ctx context.Context, phoneID string) error {
	wake, stop := f.bell.Listen(flow.PhoneTopic(phoneID))
	defer stop()
	open, err := f.db.Read().OpenTransactionsOn(ctx, phoneID, f.now())
	if err != nil {
		return err
	}
	for _, t := range open {
		if t.Fetched.IsZero() {
			return nil
		}
	}
	flow.Await(ctx, wake, 10*time.Second)
	return nil
}
