package command

// grammar holds every command and flag; the parser (kong) builds the command line from it. The help texts stand in
// the tags. A command's type has a Run method that takes *run.
type grammar struct {
	Config string `help:"Configuration file. Without it: ./countersign.toml, then $COUNTERSIGN_CONFIG, then /etc/countersign/countersign.toml." placeholder:"FILE"`
	JSON   bool   `name:"json" help:"Print one JSON document instead of text."`

	Init    initCommand    `cmd:"" help:"Set up an instance: configuration, master key, database."`
	Serve   serveCommand   `cmd:"" help:"Run the server until it is told to stop."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this release's schema."`
	Doctor  doctorCommand  `cmd:"" help:"Check everything and say how to mend what is wrong."`
	Demo    demoCommand    `cmd:"" help:"Run the whole product with a sample application and people."`

	App      appCommands      `cmd:"" help:"Applications people sign in to."`
	User     userCommands     `cmd:"" help:"People who sign in."`
	Settings settingsCommands `cmd:"" help:"What holds for the whole organization."`
	Log      logCommands      `cmd:"" help:"Who signed in, and who changed what."`
	Phone    phoneCommands    `cmd:"" help:"Be a phone: pair, answer requests, make codes."`

	Routes  routesCommand  `cmd:"" help:"List every address the server answers to."`
	Version versionCommand `cmd:"" help:"Say which release this is."`
}

// appCommands are the commands under `countersign app`.
type appCommands struct {
	Add            appAdd            `cmd:"" help:"Add an application and print its keys."`
	List           appList           `cmd:"" help:"List applications."`
	Show           appShow           `cmd:"" help:"Show one application."`
	Set            appSet            `cmd:"" help:"Change an application."`
	ResetSecret    appResetSecret    `cmd:"" help:"Give an application a new secret; the old one stops at once."`
	Hosts          appHosts          `cmd:"" help:"List the hosts of an application, and which let people in when the server cannot be reached."`
	ForgetBrowsers appForgetBrowsers `cmd:"" help:"Make every remembered browser ask again at its next sign-in to an application."`
	Delete         appDelete         `cmd:"" help:"Delete an application; its key stops for good."`
}

// userCommands are the commands under `countersign user`.
type userCommands struct {
	Add            userAdd            `cmd:"" help:"Add a person."`
	List           userList           `cmd:"" help:"List people."`
	Show           userShow           `cmd:"" help:"Show one person with devices and codes."`
	Set            userSet            `cmd:"" help:"Change a person."`
	Delete         userDelete         `cmd:"" help:"Move a person to the trash."`
	BypassCode     userBypassCode     `cmd:"" help:"Make a bypass code for someone without a phone."`
	Unlock         userUnlock         `cmd:"" help:"Let a locked-out person try again."`
	SignOut        userSignOut        `cmd:"" help:"End all that a person has opened, everywhere."`
	ResetCodes     userResetCodes     `cmd:"" help:"Take the codes of a person's phones again after too many wrong ones."`
	ForgetBrowsers userForgetBrowsers `cmd:"" help:"Make every remembered browser of a person ask again."`
	Enroll         userEnroll         `cmd:"" help:"Make the link by which a person sets up a first device."`
}

// settingsCommands are the commands under `countersign settings`.
type settingsCommands struct {
	Show settingsShow `cmd:"" help:"Show the settings."`
	Set  settingsSet  `cmd:"" help:"Change settings."`
}

// logCommands are the commands under `countersign log`.
type logCommands struct {
	Auth  logAuth  `cmd:"" help:"Who tried to sign in and what came of it."`
	Admin logAdmin `cmd:"" help:"Who changed what."`
}

// phoneCommands are the commands under `countersign phone`. They need no instance on this machine: they talk to a
// server as the app does.
type phoneCommands struct {
	Pair    phonePair    `cmd:"" help:"Pair this phone with a link or a typed code."`
	List    phoneList    `cmd:"" help:"List accounts and open requests."`
	Approve phoneApprove `cmd:"" help:"Approve a request."`
	Deny    phoneDeny    `cmd:"" help:"Deny a request."`
	Code    phoneCode    `cmd:"" help:"Make a code."`
	Watch   phoneWatch   `cmd:"" help:"Print requests as they come."`
}
