// NetRun
