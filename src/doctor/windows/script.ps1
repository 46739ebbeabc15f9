# Read by `script.rs`, which drops these comments. Reads only. One line of JSON for each part, printed as soon as it is known.
#
# What needs no CIM comes first: where WMI is broken its cmdlets hang, and take only what follows with them. Nothing here
# calls a method of .NET that matters, so that Constrained Language Mode takes nothing away but the encoding.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
try { [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false } catch { }
$port = @PORT@
$own = '@OWN@'
$ports = @(11434, $port)
$owners = @('ollama')
$silent = $false
$bound = $false

function Tell($part, $ask) {
  try { ConvertTo-Json @{ $part = & $ask } -Compress -Depth 4 }
  catch { ConvertTo-Json @{ $part = $null; "${part}_why" = "$_" } -Compress }
}

function PathOf($process) { try { "$($process.Path)" } catch { '' } }

Tell 'wslconfig' {
  $file = "$env:USERPROFILE\.wslconfig"
  if (Test-Path $file) { (Get-Content $file -TotalCount 200) -join "`n" } else { '' }
}
Tell 'installed' {
  (Test-Path "$env:LOCALAPPDATA\Programs\Ollama\ollama.exe") -or
    [bool](Get-Command ollama.exe -CommandType Application -ErrorAction SilentlyContinue)
}
# From the registry: what a new process would get. Names that may hold a secret are left out.
Tell 'variables' {
  foreach ($of in 0, 1) {
    $key = ('HKCU:\Environment', 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment')[$of]
    if (-not (Test-Path $key)) { continue }
    foreach ($v in (Get-ItemProperty $key).PSObject.Properties) {
      if ($v.Name -notlike 'OLLAMA_*' -or $v.Name -match 'KEY|TOKEN|SECRET|PASS|AUTH') { continue }
      if ($v.Name -eq 'OLLAMA_HOST' -and "$($v.Value)" -match ':(\d{1,5})\D*$') { $global:ports += [int]$matches[1] }
      @{ name = $v.Name; value = "$($v.Value)"; machine = [bool]$of }
    }
  }
}
# The registry, as `netsh interface portproxy show` is localized.
Tell 'portproxy' {
  $key = 'HKLM:\SYSTEM\CurrentControlSet\Services\PortProxy\v4tov4\tcp'
  if (Test-Path $key) {
    foreach ($v in (Get-ItemProperty $key).PSObject.Properties) {
      if ($v.Name -like '*/*') { @{ from = $v.Name; to = "$($v.Value)" } }
    }
  }
}
# Lines that end in an asterisk are ranges that an administrator has set aside: programs may still ask for their ports.
Tell 'excluded' {
  foreach ($line in & "$env:SystemRoot\System32\netsh.exe" interface ipv4 show excludedportrange protocol=tcp) {
    if ($line -match '^\s*(\d+)\s+(\d+)\s*$') { "$($matches[1])-$($matches[2])" }
  }
}
Tell 'processes' {
  foreach ($p in Get-Process -Name 'ollama*' -ErrorAction SilentlyContinue) {
    @{ pid = [int]$p.Id; name = $p.ProcessName; path = PathOf $p }
  }
}
# That nobody listens is an error of the cmdlet, but none of ours; its id is not localized.
Tell 'listen' {
  $wanted = @($ports | Where-Object { $_ -lt 65536 } | Select-Object -Unique)
  $found = @(Get-NetTCPConnection -LocalPort $wanted -State Listen -ErrorAction SilentlyContinue -ErrorVariable bad)
  foreach ($b in $bad) { if ("$($b.FullyQualifiedErrorId)" -notlike 'CmdletizationQuery_NotFound*') { throw $b } }
  $global:silent = @($found | Where-Object { $_.LocalPort -eq $port }).Count -eq 0
  foreach ($c in $found) {
    $p = Get-Process -Id $c.OwningProcess -ErrorAction SilentlyContinue
    if ($p) { $global:owners += $p.ProcessName }
    @{ address = "$($c.LocalAddress)"; port = [int]$c.LocalPort; pid = [int]$c.OwningProcess
       program = "$($p.ProcessName)"; path = PathOf $p }
  }
}
# A refused connection takes Windows two seconds: it is not tried where nobody listens.
Tell 'answers' {
  if ($silent) { $false } else {
    try { [bool](Invoke-RestMethod -UseBasicParsing -TimeoutSec 2 "http://127.0.0.1:$port/api/version").version }
    catch { $false }
  }
}
# Ways to the rules, and their cost for the 500 that are usual: Get-NetFirewallRule with its five filters asks WMI for each
# rule, which is minutes; with filters first (Get-NetFirewallPortFilter, Get-NetFirewallApplicationFilter) it is several
# seconds; the registry, which the firewall itself reads, is one question, and its words are never localized.
Tell 'rules' {
  $local = 'HKLM:\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy'
  $stores = @("$local\FirewallRules", "$local\Mdm\FirewallRules",
    'HKLM:\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules')
  foreach ($store in $stores) {
    if (-not (Test-Path $store)) { continue }
    foreach ($v in (Get-ItemProperty $store).PSObject.Properties) {
      $t = "$($v.Value)"
      if ($t -notlike 'v*|Active=TRUE|*' -or $t -notlike '*|Dir=In|*') { continue }
      if ($t -like '*|AppPkgId=*' -or $t -like '*|Svc=*') { continue }
      if ($t -like '*|App=*' -and -not ($owners | Where-Object { $t -like "*\$_.exe|*" })) { continue }
      if ($t -like '*|IF=*') { $global:bound = $true }
      @{ id = $v.Name; policy = $store -ne $stores[0]; text = $t }
    }
  }
}
if ($bound) {
  Tell 'interfaces' {
    foreach ($a in Get-NetAdapter -IncludeHidden) { @{ id = "$($a.InterfaceGuid)"; name = "$($a.Name)" } }
  }
}
# With a wildcard for -InterfaceAlias, a Windows without WSL's adapter would be an error, not an empty list.
Tell 'adapters' {
  foreach ($a in Get-NetIPAddress -AddressFamily IPv4) {
    if ($a.InterfaceAlias -notlike 'vEthernet (WSL*') { continue }
    @{ name = "$($a.InterfaceAlias)"; address = "$($a.IPAddress)"; prefix = [int]$a.PrefixLength }
  }
}
if ($own) { Tell 'route' { "$(@(Find-NetRoute -RemoteIPAddress $own)[0].InterfaceAlias)" } }
# The numbers of GpoBoolean (0 false, 1 true, 2 not configured) and Action (2 allow, 4 block), not their words.
Tell 'firewall' {
  foreach ($p in Get-NetFirewallProfile -PolicyStore ActiveStore) {
    @{ name = "$($p.Name)"; enabled = [int]$p.Enabled; inbound = [int]$p.DefaultInboundAction
       allows = [int]$p.AllowInboundRules; merges = [int]$p.AllowLocalFirewallRules
       exempt = @($p.DisabledInterfaceAliases | ForEach-Object { "$_" }) }
  }
}
Tell 'hyperv' {
  $vm = Get-NetFirewallHyperVVMSetting -PolicyStore ActiveStore -Name '{40E0AC32-46A5-438A-A0B2-2B479E8F2E90}'
  [int]$vm.LoopbackEnabled
}
