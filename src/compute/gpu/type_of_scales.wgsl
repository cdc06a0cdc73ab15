#if halves
alias Scales = array<f16>;
#else
alias Scales = array<u32>;
#end
