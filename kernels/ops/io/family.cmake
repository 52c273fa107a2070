#Files, not arithmetic : the disk sets the pace.
opkit_release_level(-Os ${family_sources})
