package mobile

import (
	"context"
	"encoding/json"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/flow"
)

// NoteContact notes that the app was in contact, at most once a minute.
func (f *Flow) NoteContact(ctx context.Context, p phone.Phone) error {
	if f.now().Sub(p.LastSeen) < time.Minute {
		return nil
	}
	return f.db.Write(ctx, func(st Store) error { return st.TouchPhone(ctx, p.ID, false, f.now()) })
}

// still says whether a phone has the key of the app that calls: the door looked when the call came, and another app may
// have taken its place since. phone.ErrRemoved, phone.ErrReplaced.
func still(p phone.Phone, keyID string) error {
	switch p.KeyID {
	case keyID:
		return nil
	case "":
		return phone.ErrRemoved
	}
	return phone.ErrReplaced
}

// own reads the phone of an app that changes it, and keeps its key until the end of the change.
func own(ctx context.Context, st Store, phoneID, keyID string) (phone.Phone, error) {
	p, err := st.PhoneByID(ctx, phoneID)
	if err == nil {
		err = st.HoldAccount(ctx, p.UserID)
	}
	if err == nil {
		p, err = st.PhoneByID(ctx, phoneID)
	}
	if err == nil {
		err = still(p, keyID)
	}
	return p, err
}

// Subscribe implements Mobile.
func (f *Flow) Subscribe(ctx context.Context, phoneID, keyID string, s phonewire.Subscription) error {
	p, err := f.db.Read().PhoneByID(ctx, phoneID)
	if err == nil {
		err = still(p, keyID)
	}
	if err != nil {
		return err
	}
	var sealed, endpoint []byte
	alerts := phone.AlertsOff
	if s.Endpoint != "" {
		if f.doorbell == nil {
			return ErrAlertsOff
		}
		if err := f.doorbell.CheckEndpoint(s.Endpoint); err != nil {
			return err
		}
		plain, err := json.Marshal(flow.Subscription{Endpoint: s.Endpoint, P256dh: s.P256DH, Auth: s.Auth})
		if err != nil {
			return err
		}
		endpoint = f.keys.Digest(phone.EndpointPurpose, p.UserID+":"+s.Endpoint)
		sealed, alerts = f.keys.Seal(phone.SubscriptionPurpose, phoneID, plain), phone.AlertsOn
	} else if p.Alerts != phone.AlertsOn && p.Subscription == nil {
		return f.NoteContact(ctx, p) // nothing changes
	}
	return f.db.Write(ctx, func(st Store) error {
		if err := st.SaveSubscription(ctx, phoneID, keyID, sealed, endpoint, alerts); err != nil {
			return err
		}
		return st.TouchPhone(ctx, phoneID, false, f.now())
	})
}

// Rename implements Mobile.
func (f *Flow) Rename(ctx context.Context, phoneID, keyID, name string) error {
	name, err := phone.CleanName(name)
	if err != nil {
		return err
	}
	return f.db.Write(ctx, func(st Store) error {
		p, err := own(ctx, st, phoneID, keyID)
		if err != nil {
			return err
		}
		if name == "" {
			name = defaultName(p)
		}
		all, err := st.PhonesOf(ctx, p.UserID)
		if err != nil {
			return err
		}
		return st.RenamePhone(ctx, phoneID, phone.FreeName(name, all, phoneID))
	})
}

// Leave implements Mobile: the account was deleted in the app. The phone record stays, not connected any
// more: "I have a new phone" brings it back, and the last device cannot be lost by a slip in the app.
func (f *Flow) Leave(ctx context.Context, phoneID, keyID string) error {
	var userID string
	err := f.db.Write(ctx, func(st Store) error {
		p, err := own(ctx, st, phoneID, keyID)
		if err != nil {
			return err
		}
		userID = p.UserID
		if err := forgetBrowsers(ctx, st, p.UserID); err != nil {
			return err
		}
		if err := st.UnbindKey(ctx, phoneID, phone.KeyRemoved, f.now()); err != nil {
			return err
		}
		if err := f.tellLost(ctx, st, p); err != nil {
			return err
		}
		return f.journal().Act(ctx, st, audit.ByPerson(p.UserID, "phone app"), "phone_deactivate", p.UserID,
			map[string]any{"phone": phoneID, "name": p.Name, "cause": "account deleted in the app"})
	})
	f.bell.Ring(flow.PhoneTopic(phoneID))
	if err == nil {
		f.Changed(userID, phoneID)
	}
	return err
}

// Status implements Mobile.
func (f *Flow) Status(ctx context.Context, phoneID string) (phonewire.Status, error) {
	st := f.db.Read()
	p, err := st.PhoneByID(ctx, phoneID)
	if err != nil {
		return phonewire.Status{}, err
	}
	u, err := st.AccountByID(ctx, p.UserID)
	if err != nil {
		return phonewire.Status{}, err
	}
	set, err := st.LoadSettings(ctx)
	if err != nil {
		return phonewire.Status{}, err
	}
	s := phonewire.Status{AccountID: p.ID, UserID: u.ID, Username: u.Username, Organisation: set.Organization, PhoneName: p.Name,
		Platform: p.Platform, Model: p.Model, Alerts: string(p.Alerts), ServerTime: f.now().UnixMilli()}
	all, err := st.PhonesOf(ctx, u.ID)
	if err != nil {
		return phonewire.Status{}, err
	}
	s.Devices = []phonewire.Device{}
	for _, other := range all {
		if other.ID != p.ID && other.KeyID != "" {
			s.Devices = append(s.Devices, phonewire.Device{ID: other.ID, Name: other.Name, Since: other.Activated.UnixMilli()})
		}
	}
	if !p.LastSeen.IsZero() {
		s.LastSeen = p.LastSeen.UnixMilli()
	}
	return s, f.NoteContact(ctx, p)
}
