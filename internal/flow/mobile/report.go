package mobile

import (
	"context"

	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/flow"
)

// Report implements Mobile: the person says in the app that a change of a device was not theirs (M-11). The people who
// look after sign-ins are told; what they do about it is theirs to decide, because the phone that speaks may be the
// wrong one.
func (f *Flow) Report(ctx context.Context, phoneID, device string) error {
	device, err := phone.CleanName(device)
	if err != nil {
		return err
	}
	err = f.db.Write(ctx, func(st Store) error {
		if err := take(ctx, st, ReportQuota, phoneID, f.now()); err != nil {
			return err
		}
		p, err := st.PhoneByID(ctx, phoneID)
		if err != nil {
			return err
		}
		u, err := st.AccountByID(ctx, p.UserID)
		if err != nil {
			return err
		}
		set, err := st.LoadSettings(ctx)
		if err != nil {
			return err
		}
		if err := f.journal().Act(ctx, st, audit.ByPerson(u.ID, u.Username), "phone_change_reported", u.Username,
			map[string]any{"device": device, "reported_on": p.Name, "phone": p.ID}); err != nil {
			return err
		}
		return f.notices.Queue(ctx, st, flow.Notice{Kind: "change_reported", To: set.FraudEmail,
			Args: []any{"user", u.Username, "device", device, "time", f.now()}})
	})
	f.bell.Ring(flow.OutboxTopic)
	return err
}
