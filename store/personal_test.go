package store

import (
	"strings"
	"testing"
)

func TestCheckPublic(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ text, finds string }{
		{"换了充电桩,三天修好", ""},
		{"请拨13812345678联系", "telephone"},
		{"电话 138 1234 5678。", "telephone"},
		{"+86-138-1234-5678", "telephone"},
		{"１３８１２３４５６７８", "telephone"},
		{"138\u200b12345678", "telephone"},
		{"0931-7654321", "telephone"},
		{"(010)87654321", "telephone"},
		{"12345热线已转办", ""},
		{"投资4000000元", ""},
		{"2026年06月10日13时修好", ""},
		{"编号20260610-000123", ""},
		{"620104199001011234", "identity"},
		{"身份证62010419900101123x已核", "identity"},
		{"620104 19900101 123X", "identity"},
		{"620104900101123", "identity"},
		{"订单号620104199013991234", ""},
		{"甘A12345违停", "plate"},
		{"甘A·1234挂", "plate"},
		{"鲁C·B1234学", "plate"},
		{"沪AD12345", "plate"},
		{"甘a12345", "plate"},
		{"新WeChat群已建", ""},
		{"32号楼2单元501室", "home"},
		{"3栋1202", "home"},
		{"3栋1202的住户", "home"},
		{"三号楼五零二室", "home"},
		{"2单元501已通水", "home"},
		{"住3-2-501", "home"},
		{"3号楼120盏路灯全亮", ""},
		{"5栋共120户通气", ""},
		{"32号楼楼道灯已修", ""},
		{"3号楼活动室", ""},
		{"2024-12-08修好", ""},
	} {
		err := CheckPublic(tc.text, "outcomeZh")
		switch {
		case tc.finds == "" && err != nil:
			t.Errorf("%s: %v", tc.text, err)
		case tc.finds != "" && (err == nil || !strings.Contains(err.Error(), tc.finds)):
			t.Errorf("%s: %v, not %s", tc.text, err, tc.finds)
		case err != nil && strings.Contains(err.Error(), tc.text):
			t.Errorf("the refusal repeats %s", tc.text)
		}
	}
}
