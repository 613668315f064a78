# Functions of nixpkgs' lib, with their arguments and results.
let
  inherit (builtins) concatStringsSep elemAt filter foldl' head length map stringLength substring tail;
in
rec {
  genAttrs = names: make: builtins.listToAttrs (map (name: { inherit name; value = make name; }) names);
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
  hasSuffix = suffix: text:
    stringLength text >= stringLength suffix && substring (stringLength text - stringLength suffix) (stringLength suffix) text == suffix;
  removePrefix = prefix: text: if hasPrefix prefix text then substring (stringLength prefix) (stringLength text) text else text;
  removeSuffix = suffix: text: if hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
  inherit (builtins) concatStringsSep concatMap head tail length;
  last = list: elemAt list (length list - 1);
  concatStrings = concatStringsSep "";
  concatMapStrings = make: list: concatStrings (map make list);
  optionalString = condition: text: if condition then text else "";
  optional = condition: item: if condition then [ item ] else [ ];
  optionalAttrs = condition: set: if condition then set else { };
  filterAttrs = keep: set: genAttrs (filter (name: keep name set.${name}) (builtins.attrNames set)) (name: set.${name});
  attrByPath = path: default: set:
    if path == [ ] then set else if set ? ${head path} then attrByPath (tail path) default set.${head path} else default;
  recursiveUpdate = left: right:
    let
      both = name: value: builtins.isAttrs value && builtins.isAttrs (left.${name} or null);
    in
    left // builtins.mapAttrs (name: value: if both name value then recursiveUpdate left.${name} value else value) right;
  getBin = package: package.bin or package.out or package;
  escapeShellArg = text:
    if builtins.match "[[:alnum:],._+:@%/-]+" (toString text) != null then toString text
    else "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString text)}'";
  toInt = text: builtins.fromJSON text;
  toLower = text: text;
  strings.sanitizeDerivationName = text: text;
  licenses.asl20 = { };
  mkOption = option: option // { _type = "option"; };
  mkEnableOption = description: mkOption { default = false; inherit description; };
  mkIf = condition: content: if condition then content else { };
  types = genAttrs [ "path" "raw" "str" "bool" ] (name: name) // { ints.positive = "int"; listOf = _: "list"; };
}
