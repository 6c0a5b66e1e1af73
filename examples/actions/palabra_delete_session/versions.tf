terraform {
  required_providers {
    palabra = {
      source = "palabra-community/palabra"
    }
  }
}
