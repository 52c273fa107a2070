opkit_release_level(-O2 ${family_sources})
