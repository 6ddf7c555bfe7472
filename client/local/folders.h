// SPDX-License-Identifier: Apache-2.0
// Where a user's files go unless an option says otherwise (XDG base directories).
#ifndef HEBB_CLIENT_LOCAL_FOLDERS_H_
#define HEBB_CLIENT_LOCAL_FOLDERS_H_

#include <string>

namespace hebb::client {

std::string DefaultStateDir();  // $XDG_STATE_HOME/hebb, else ~/.local/state/hebb
std::string DefaultDataDir();  // $HEBB_DATA_DIR, $XDG_DATA_HOME/hebb/data, ~/.local/share/hebb/data

}  // namespace hebb::client

#endif  // HEBB_CLIENT_LOCAL_FOLDERS_H_
