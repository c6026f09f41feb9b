"""Groups as a phone knows them: the log that it has checked, the keys that members have given each other."""
