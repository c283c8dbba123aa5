package phonewire

// Activation asks the server to pair a phone and to bind its new key: the body of POST activations.
type Activation struct {
	Code       string `json:"code"`       // from the link, or typed; see NormalizeCode
	PublicKey  string `json:"public_key"` // base64url of SubjectPublicKeyInfo
	Platform   string `json:"platform"`   // "Android", "iOS", "Windows" ..., as the phone says
	Model      string `json:"model"`      // may be empty
	Name       string `json:"name"`       // what the person calls this phone; may be empty
	AppVersion string `json:"app_version"`
	Instance   string `json:"instance,omitempty"` // the storage that the key lies in, see Instance; empty: the phone does not say
	Signature  string `json:"signature"`          // by the new key, over Text
}

// OTP says how the phone makes passcodes without a connection (RFC 4226 or RFC 6238, with SHA-1).
type OTP struct {
	Type    string `json:"type"`    // "hotp" or "totp"
	Digits  int    `json:"digits"`  // 6
	Period  int    `json:"period"`  // seconds, for totp; 0 for hotp
	Counter int64  `json:"counter"` // next moving factor, for hotp
	Secret  string `json:"secret"`  // base32 without padding; travels in this one answer only
}

// Account is the answer to an activation. The server gives it once.
type Account struct {
	AccountID      string `json:"account_id"` // the phone's id on the server
	UserID         string `json:"user_id"`
	Username       string `json:"username"`
	Organisation   string `json:"organisation"`
	Origin         string `json:"origin"` // where the phone talks to, scheme and host
	PhoneName      string `json:"phone_name"`
	OTP            OTP    `json:"otp"`
	VAPIDPublicKey string `json:"vapid_public_key"` // base64url of the uncompressed point; empty: no Web Push
	ServerTime     int64  `json:"server_time"`
	ReconnectURL   string `json:"reconnect_url"` // where a person sets up a phone anew; may be empty
}

// Kinds of request.
const (
	KindSignin  = "signin"  // someone signs in to an application
	KindManage  = "manage"  // someone wants to change the user's devices
	KindPairing = "pairing" // the first request after pairing: proves the path, and is the sign-in
	KindTryOut  = "tryout"  // the first request after an enrollment link: nobody signs in to an application
	KindTest    = "test"    // asked for by the person in the app
)

// Request is one open request that waits for the phone's answer. Created and Expires are unix milliseconds.
type Request struct {
	Transaction     string `json:"transaction"`
	Kind            string `json:"kind"`
	ApplicationID   string `json:"application_id"`
	ApplicationName string `json:"application_name"`
	UserID          string `json:"user_id"`
	Username        string `json:"username"`
	Organisation    string `json:"organisation"`
	Place           string `json:"place"`         // "Springfield, US"; empty when unknown
	IP              string `json:"ip"`            // of the browser; empty when the door has none
	Browser         string `json:"browser"`       // "Firefox on Windows"; may be empty
	NumberDigits    int    `json:"number_digits"` // 0: plain; 3 to 6: type the number on the screen
	Created         int64  `json:"created"`
	Expires         int64  `json:"expires"`

	// What the application adds. Nobody has checked it, so a phone shows it apart from the facts above.
	Title string   `json:"title,omitempty"` // what the request is, at most MaxTitle characters
	Info  []Detail `json:"info,omitempty"`  // at most MaxDetails lines
}

// Detail is one line that an application adds to a request. Label and Value are one printed line each, of at
// most MaxLabel and MaxValue characters.
type Detail struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Limits of what an application may add: lines, and the characters of each part.
const (
	MaxDetails = 10
	MaxTitle   = 80
	MaxLabel   = 40
	MaxValue   = 300
)

// RequestList is the answer to GET requests and GET requests/wait.
type RequestList struct {
	Requests   []Request `json:"requests"`
	After      string    `json:"after"` // opaque; the phone sends it with its next requests/wait
	ServerTime int64     `json:"server_time"`
}

// Decision is what the person chose.
type Decision string

// The two decisions.
const (
	Approve Decision = "approve"
	Deny    Decision = "deny"
)

// Reason says why the person denied.
type Reason string

// The reasons. Approvals carry NoReason.
const (
	NoReason Reason = ""
	Mistake  Reason = "mistake" // the person started the sign-in, but does not want it
	Fraud    Reason = "fraud"   // somebody else started the sign-in
)

// Answer is the signed decision about one request. Decision, Reason, Number and Counter are the phone's own;
// the other fields repeat those of the request.
type Answer struct {
	Transaction string   `json:"transaction"`
	Application string   `json:"application"` // application id
	User        string   `json:"user"`        // user id
	Phone       string   `json:"phone"`       // account_id
	Decision    Decision `json:"decision"`
	Reason      Reason   `json:"reason"`
	Number      string   `json:"number"` // as typed; empty for plain requests and denials
	Expires     int64    `json:"expires"`
	Counter     int64    `json:"counter"` // starts at 1 and grows with each answer that a key signs
	Signature   string   `json:"signature"`
}

// Outcomes of an answer. StateReported is a denial with the reason Fraud.
const (
	StateApproved        = "approved"
	StateDenied          = "denied"
	StateReported        = "reported"
	StateWrongNumber     = "wrong_number"
	StateExpired         = "expired"
	StateAlreadyAnswered = "already_answered"
)

// Outcome is the answer to an Answer.
type Outcome struct {
	State      string `json:"state"`
	ServerTime int64  `json:"server_time"`
}

// Subscription is where Web Push alerts go (RFC 8030, RFC 8291). An empty Endpoint turns alerts off.
type Subscription struct {
	Endpoint   string `json:"endpoint"`
	P256DH     string `json:"p256dh"`     // base64url, 65 bytes
	Auth       string `json:"auth"`       // base64url, 16 bytes
	Permission string `json:"permission"` // "granted", "denied", "default" or "unsupported"
}

// Alert states.
const (
	AlertsOn   = "on"
	AlertsOff  = "off"
	AlertsDead = "dead" // the push service refused the last alert for good
)

// Status is what the server knows about the phone: the answer to GET account. Times are unix milliseconds.
type Status struct {
	AccountID    string `json:"account_id"`
	UserID       string `json:"user_id"`
	Username     string `json:"username"`
	Organisation string `json:"organisation"`
	PhoneName    string `json:"phone_name"`
	Platform     string `json:"platform"`
	Model        string `json:"model"`
	Alerts       string `json:"alerts"`
	LastSeen     int64  `json:"last_seen"`  // the last contact before this request; 0: never
	LastAlert    int64  `json:"last_alert"` // when the push service last accepted an alert; 0: never
	ReconnectURL string `json:"reconnect_url"`
	ServerTime   int64  `json:"server_time"`

	// Devices are the person's other connected devices, so that an app can notice a change (E-21).
	Devices []Device `json:"devices"`
}

// Device is another phone or tablet of the person.
type Device struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Since int64  `json:"since"` // when its app was connected, unix milliseconds
}

// Report is the body of POST account/report: the person did not make this change of a device (M-11).
type Report struct {
	Device string `json:"device"` // its name
}

// Rename is the body of PATCH account.
type Rename struct {
	Name string `json:"name"`
}

// Failure is the body of every answer that is not 2xx.
type Failure struct {
	Code       string `json:"error"`   // a code of internal/base/errs
	Message    string `json:"message"` // for the person
	ServerTime int64  `json:"server_time"`
}

// Alert is the encrypted content of a Web Push message. It serves a service worker (title, body, url,
// account) and is a declarative message too (web_push, notification). An iPhone shows the declarative one
// even when the worker does not run.
type Alert struct {
	Title        string      `json:"title"`
	Body         string      `json:"body"`
	URL          string      `json:"url"` // below /app/
	Account      string      `json:"account"`
	WebPush      int         `json:"web_push"` // 8030
	Notification Declarative `json:"notification"`
}

// Declarative is the notification of a declarative Web Push message.
type Declarative struct {
	Title    string `json:"title"`
	Body     string `json:"body"`
	Navigate string `json:"navigate"` // absolute address
	Tag      string `json:"tag"`
}

// NewAlert fills both forms. origin is scheme and host; path starts with /app/. tag names the request, so that
// a second alert about it replaces the first.
func NewAlert(title, body, origin, path, account, tag string) Alert {
	return Alert{Title: title, Body: body, URL: path, Account: account, WebPush: 8030,
		Notification: Declarative{Title: title, Body: body, Navigate: origin + path, Tag: tag}}
}
